"""Zip archives in parts: as Info-ZIP makes them, as PKWARE's layout allows them, and as nobody should."""

import base64
import struct
import zipfile
import zlib

import pytest

from lib.unpack import UnpackError, unpack

PART = 65_536  # the smallest part that Info-ZIP makes
# `zip -X -r -0 -s 64k a.zip d` and, with 64-bit fields, `zip -X -r -0 -fz -s 64k b.zip d` (Info-ZIP 3.0), of four files
# of one letter each, the parts one after the other, packed.
PLAIN = (
    b"c-rmEJ!;%g6oAp|k!BPN60(ATAf?gxr*`2a)u?%`D>qt#400KQ$r{pUCt8B>8eF9ht|D0`%$QlhaE`c0ymvpPrg)c{EH7hLrP#6<r(N&fuP$#-"
    b"(hxCC@p6AwcYXH-00000000000000000000000000000000000000000000000000000000001hgOZvoFJo4v>&KhBG(=2Oj3@2-yzct$D*ylh"
    b"000000000000000000000000000000000000000000000000000000000$*CSzgAhN>9u3Aq^4J6yr&|KCQdHy8-|J00000000000000000000"
    b"000000000000000000000000000000000000N|jcCd<p1Rq1~7e4K`eX^QcrU0>8)-+coB0000000000000000000000000000000000000000"
    b"000000000000000007{iq~>VxDJx@ErP#9g|MfBcT;=1tUBBI5UEZFgA!3?htNs1`^UMBO-Syqu==$;IZh!P^n4<H2(bKYg*o}@}qYpo)=yYFn"
    b"zj;31jTW!bkIfWa%+Yd{MHb8P$;Y4meLt=I1D2IW4g"
)
WITH_64_BIT_FIELDS = (
    b"c-rmGy=vQF6b9fU%eInGS`VHJ-eWsIOP4^?bh4Lk4HUBY5)^R84xu;Eu{TnD2_e^zsW*_twIa#jHjv#skC2Y^ao!iDd2x{Dd3PMOQL3KnMkj``"
    b"m}W7Ef9+=a7q`c4rg+JmPReCj1=FetH1i7p00000000000000000000000000000000000000000000000000000000001cCC&5hIBKJG{djY?"
    b"ZWJ+$#q?}aF3T(ikyiCmJFfr$0000000000000000000000000000000000000000000000000000000007u4X`Xk-Q5&VF-qFLlQN%D7)00WL"
    b"EVCFyTGdPKyaWIM00000000000000000000000000000000000000000000000000000000AR1AdEOmIZIte3&xh+q5yMza&nM-w%wiB}RWG&k"
    b"D*ylh00000000000000000000000000000000000000000000000000000000DC3Pv(Cr-C~BkByu^B=6YrX@LHxPwZsuZ|#X-9gb#}bX_AhRa"
    b")2hxE+ib+I@1I_>r;~D7Rt444YX#SjH+QcW{9aWBXKxie^^P8P3$mtQ_M<8|d8^=l_I$Wo&}j-DW>vxY{{{X2aTBkK^3AO7UUSyY&-IVQxA)sz"
    b"QSJTwP=9w{&U*cPlkRP<YQOr4h`-lti(m"
)
INFO_ZIP = {"plain": PLAIN, "64-bit": WITH_64_BIT_FIELDS}
LETTERS = {f"d/{i}.txt": bytes([65 + i]) * 50_000 for i in range(4)}
MEMBERS = {"a.txt": b"one" * 40, "deep/b.txt": bytes(range(256)) * 3, "empty": b"", "ä.wav": b"four" * 99}


def placed(folder, name, whole, cuts):
    """The bytes as parts NAME.z01 ... NAME.zip, cut at these places."""
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)])]
    for number, piece in enumerate(pieces, 1):
        suffix = "zip" if number == len(pieces) else f"z{number:02}"
        (folder / f"{name}.{suffix}").write_bytes(piece)
    return folder / f"{name}.zip"


def split(folder, members, size, method=zipfile.ZIP_DEFLATED, name="x"):
    """An archive in parts of so many bytes; a part ends wherever that is, amid data, headers or directory."""
    with zipfile.ZipFile(folder / "whole", "w", method) as file:
        for member, content in members.items():
            file.writestr(member, content)
    whole = bytearray(b"PK\x07\x08" + (folder / "whole").read_bytes())  # the marker that the first part begins with
    (folder / "whole").unlink()
    end = whole.rindex(b"PK\x05\x06")
    entries, _, at = struct.unpack_from("<HLL", whole, end + 10)
    at += 4
    cuts = list(range(size, len(whole) - 30, size))  # the last part holds at least the end
    struct.pack_into("<HH", whole, end + 4, len(cuts), sum(cut <= at for cut in cuts))
    struct.pack_into("<L", whole, end + 16, at - max([0, *(cut for cut in cuts if cut <= at)]))
    for _ in range(entries):
        (offset,) = struct.unpack_from("<L", whole, at + 42)
        part = sum(cut <= offset + 4 for cut in cuts)
        struct.pack_into("<H", whole, at + 34, part)
        struct.pack_into("<L", whole, at + 42, offset + 4 - [0, *cuts][part])
        at += 46 + sum(struct.unpack_from("<3H", whole, at + 28))
    return placed(folder, name, bytes(whole), cuts)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(params=INFO_ZIP)
def info_zip(tmp_path, request):
    whole = zlib.decompress(base64.b85decode(INFO_ZIP[request.param]))
    return placed(tmp_path, "x", whole, [PART, 2 * PART, 3 * PART])


def test_what_info_zip_splits_is_unpacked(info_zip, tmp_path):
    assert len(unpack(info_zip, tmp_path / "out")) == 4
    assert contents(tmp_path / "out") == LETTERS


@pytest.mark.parametrize("size", [37, 50, 64, 100, 159, 333, 5000])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_parts_of_any_size_are_unpacked(tmp_path, size, method):
    archive = split(tmp_path, MEMBERS, size, method)
    assert (size == 5000) != (tmp_path / "x.z01").is_file()
    unpack(archive, tmp_path / "out")
    assert contents(tmp_path / "out") == MEMBERS


def test_more_than_99_parts_are_counted_on(tmp_path):
    archive = split(tmp_path, {"a": bytes(4000)}, 37, zipfile.ZIP_STORED)
    assert (tmp_path / "x.z100").is_file()
    unpack(archive, tmp_path / "out")
    assert contents(tmp_path / "out") == {"a": bytes(4000)}


def test_a_missing_part_is_named_and_nothing_unpacked(info_zip, tmp_path):
    (tmp_path / "x.z02").unlink()
    with pytest.raises(UnpackError, match=r"x.zip is the last of 4 parts; missing beside it: x.z02. Fetch all of them"):
        unpack(info_zip, tmp_path / "out")
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.part").exists()


def test_a_part_of_another_size_is_noticed(info_zip, tmp_path):
    part = tmp_path / "x.z02"
    part.write_bytes(part.read_bytes()[:-100])
    with pytest.raises(UnpackError, match="cut short or damaged"):
        unpack(info_zip, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_byte_changed_in_any_part_is_noticed(info_zip, tmp_path):
    for name in ("x.z01", "x.z02", "x.z03"):
        part = tmp_path / name
        kept = part.read_bytes()
        part.write_bytes(kept[:30_000] + b"!" + kept[30_001:])
        with pytest.raises(UnpackError, match="cut short or damaged .*CRC"):
            unpack(info_zip, tmp_path / "out")
        part.write_bytes(kept)
    assert len(unpack(info_zip, tmp_path / "out")) == 4


@pytest.mark.parametrize("place", [20, 34, 42])
def test_a_directory_that_says_nonsense_is_refused(info_zip, tmp_path, place):
    content = bytearray(info_zip.read_bytes())
    at = content.rindex(b"PK\x01\x02")
    content[at + place : at + place + 2] = b"\x77\x77"
    info_zip.write_bytes(content)
    with pytest.raises(UnpackError, match="cut short or damaged"):
        unpack(info_zip, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/tmp/evil", "..\\evil", "C:evil"])
def test_a_member_that_would_leave_the_folder_is_refused(tmp_path, name):
    archive = split(tmp_path, {"fine": b"x" * 100, name: b"x" * 100}, 64)
    assert (tmp_path / "x.z02").is_file()
    with pytest.raises(UnpackError, match="would leave the folder; nothing was unpacked"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob("*evil*"))


def test_a_link_is_refused(tmp_path):
    archive = split(tmp_path, {"fine": b"x" * 100, "link": b"/etc/passwd"}, 64)
    parts = sorted(tmp_path.glob("x.z*"))
    whole = bytearray(b"".join(part.read_bytes() for part in parts))
    struct.pack_into("<L", whole, whole.rindex(b"PK\x01\x02") + 38, 0o120777 << 16)
    sizes = [part.stat().st_size for part in parts]
    placed(tmp_path, "x", bytes(whole), [sum(sizes[:n]) for n in range(1, len(sizes))])
    with pytest.raises(UnpackError, match="'link' is a link or a device"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()
