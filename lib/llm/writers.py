"""Who writes the variants: an OpenAI-compatible server, a local Hugging Face model, or our offline paraphraser.

The environment says which: HEARSAY_LLM is unset (the paraphraser; nothing is sent anywhere), "openai", or "hf:NAME".
The key is read where it is used, is kept nowhere, and is cut out of whatever a server says.
"""

import functools
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from lib import paraphrase
from lib.llm.instruction import Messages, Reason

CONNECT_S = 10.0
MOST_TOKENS = 1024  # of a local model's answer: five captions take about 130, unless it thinks first
SECRET = 8  # characters of a key at least; shorter ones are placeholders for servers that need none
QUOTA = "insufficient_quota"  # a 429 that waiting does not cure


class LLMError(RuntimeError):
    """Nothing will come of asking on; the message says what to set."""


class NoAnswer(Exception):
    """This question got no answer, others may. `again`: the server did reply, so it may be asked once more."""

    reason = Reason.SILENT

    def __init__(self, detail: str, *, again: bool = False):
        super().__init__(detail)
        self.again = again


@dataclass(frozen=True)
class Reply:
    """What a model said, and why it stopped: "stop", "length" (cut off) or "content_filter"."""

    text: str
    finish: str = "stop"


class Chat(Protocol):
    """A language model: a name (its answers are kept under it), and how many questions it takes at a time."""

    name: str
    concurrency: int

    def reply(self, messages: Messages) -> Reply:
        """One answer. Raises NoAnswer, or LLMError if no other question would fare better."""

    def close(self) -> None:
        """Let go of connections; the next `reply` opens new ones."""


Rewrite = Callable[..., Sequence[str]]  # (caption, keywords, *, n) to up to n variants, without a network


def chosen(writer: "Chat | Rewrite | str | None" = None) -> "Chat | Rewrite":
    """The writer that was given, by itself or as HEARSAY_LLM would name it; None takes HEARSAY_LLM at its word.

    Raises:
        ValueError: HEARSAY_LLM (or the name) is none that we know.
        LLMError: "openai" without HEARSAY_LLM_MODEL.
    """
    if writer is not None and not isinstance(writer, str):
        return writer
    name = os.environ.get("HEARSAY_LLM", "").strip() if writer is None else writer
    if not name:
        return paraphrase.paraphrases
    if name == "openai":
        return OpenAI()
    if name.startswith("hf:") and name != "hf:":
        return HuggingFace(name.removeprefix("hf:"))
    known = 'unset, "openai" or "hf:NAME"'
    raise ValueError(f"expected HEARSAY_LLM to be {known}; got {name!r}. Unset it for the offline paraphraser.")


def _model() -> str:
    name = os.environ.get("HEARSAY_LLM_MODEL", "").strip()
    if not name:
        raise LLMError("no model is named. Set HEARSAY_LLM_MODEL to one that your server has.")
    return name


@dataclass
class OpenAI:
    """Any server that speaks OpenAI's chat protocol, by the `openai` library; a local one needs no key.

    That library asks again by itself after 408, 409, 429, 5xx, a time-out or a broken connection: after 0.5 s, doubled
    up to 8 s, less a random quarter, or after the Retry-After that the server sends (up to 2 minutes).
    The temperature is left to the server: some models take no other than their own.
    """

    name: str = field(default_factory=_model)
    concurrency: int = 8
    timeout_s: float = 120.0  # for a whole answer: a small machine takes its time
    retries: int = 5
    _client: Any = field(default=None, init=False, repr=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def reply(self, messages: Messages) -> Reply:
        import openai  # takes a second, and few need it

        try:
            choice = self._opened().chat.completions.create(model=self.name, messages=messages).choices[0]
            text, finish = choice.message.content or "", choice.finish_reason or "stop"
        except openai.APIStatusError as error:
            raise self._told(error) from None  # its own message may quote what it was sent
        except openai.APIConnectionError as error:
            raise NoAnswer(_redacted(f"{type(error).__name__}: {error.__cause__ or error}")) from None
        except (ValueError, TypeError, AttributeError, LookupError, openai.APIError) as error:
            raise NoAnswer(f"a reply that is no chat completion ({type(error).__name__})", again=True) from None
        return Reply(_redacted(str(text)), str(finish))

    def close(self) -> None:
        with self._turn:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _opened(self) -> Any:
        import openai

        url, key = os.environ.get("OPENAI_BASE_URL", "").strip() or None, _key()
        if url and not url.startswith(("http://", "https://")):
            raise LLMError("expected an address with http:// or https://. Set OPENAI_BASE_URL to one.")
        if not key.isascii() or len(key.split()) > 1:
            raise LLMError("expected a key without blanks or odd characters. Set OPENAI_API_KEY again.")
        if not (url or key):
            raise LLMError("Set OPENAI_API_KEY (a hosted model) or OPENAI_BASE_URL (a local server; it needs no key).")
        with self._turn:
            if self._client is None:
                wait = openai.Timeout(self.timeout_s, connect=CONNECT_S)
                self._client = openai.OpenAI(
                    base_url=url, api_key=key or "none", timeout=wait, max_retries=self.retries
                )
            return self._client

    def _told(self, error: Any) -> Exception:
        """What an HTTP status means: for all questions (LLMError) or for this one alone."""
        said = _redacted(" ".join(str(error.message).split())[:200])
        if error.status_code in (401, 403):
            return LLMError(f"the server refuses the key ({said}). Set OPENAI_API_KEY to one that it takes.")
        if error.status_code == 404:
            hint = "Set HEARSAY_LLM_MODEL to a model that it has, and OPENAI_BASE_URL to its address (often .../v1)"
            return LLMError(f"the server has no model {self.name!r} at this address ({said}). {hint}.")
        if error.code == QUOTA:
            return LLMError(f"the account has nothing left to spend ({said}). Top it up, or set another key.")
        return NoAnswer(f"HTTP {error.status_code}: {said}")


def _key() -> str:
    return os.environ.get("OPENAI_API_KEY", "").strip()  # a pasted key often ends in a line break


def _redacted(text: str) -> str:
    return text.replace(_key(), "[key]") if len(_key()) >= SECRET else text


class HuggingFace:
    """An instruction model on this machine, by its name on Hugging Face (or its folder). Greedy: it repeats itself."""

    concurrency = 1  # it has the machine to itself

    def __init__(self, hub: str):
        self.hub, self.name = hub, f"hf:{hub}"
        self._turn = threading.Lock()

    def reply(self, messages: Messages) -> Reply:
        import torch

        with self._turn, torch.inference_mode():
            tokenizer, model = _loaded(self.hub)
            options = {"add_generation_prompt": True, "return_tensors": "pt", "return_dict": True}
            inputs = tokenizer.apply_chat_template(messages, **options).to(model.device)
            given = {name: inputs[name] for name in ("input_ids", "attention_mask")}  # not every model takes more
            limits = {"max_new_tokens": MOST_TOKENS, "do_sample": False, "pad_token_id": tokenizer.eos_token_id}
            tokens = model.generate(**given, **limits)[0, given["input_ids"].shape[1] :]
        finish = "length" if len(tokens) >= MOST_TOKENS else "stop"
        return Reply(tokenizer.decode(tokens, skip_special_tokens=True), finish)

    def close(self) -> None:
        """Gives the memory back to whoever trains next; another call loads the model again."""
        import torch

        _loaded.cache_clear()
        torch.cuda.empty_cache()


@functools.lru_cache(maxsize=1)
def _loaded(hub: str) -> tuple[Any, Any]:
    """Tokenizer and model, from the local cache or downloaded, on the GPU if there is one. Its own code is never run.

    Raises:
        LLMError: there is no network and no cached copy, no such model, or it is none that takes instructions.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    try:
        AutoConfig.from_pretrained(hub)  # first, since it gives up soonest when there is no network
        tokenizer = AutoTokenizer.from_pretrained(hub)
        model = AutoModelForCausalLM.from_pretrained(hub).eval()
    except Exception as error:  # the libraries raise many kinds: offline, unknown name, blocked socket, broken file
        offline = " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") == "1" else ""
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        hint = "Check the name and the network, or unset HEARSAY_LLM: the offline paraphraser needs neither"
        raise LLMError(f"cannot load the model {hub!r} from Hugging Face{offline}: {reason}. {hint}.") from None
    if not tokenizer.chat_template:
        raise LLMError(f"{hub!r} has no chat template, so it takes no instructions. Set HEARSAY_LLM to one that does.")
    return tokenizer, model.to("cuda" if torch.cuda.is_available() else "cpu")
