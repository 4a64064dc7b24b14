"""The words of uploaders: tags of each kind (those that captions use too; those they do not) and everything else that
people write into titles, keywords and descriptions. Data only, all of it invented. Taught in notebook 01.
"""
# ruff: noqa: E501 (tables read better one kind a line)

# fmt: off
KINDS = {
    "dog_bark": (("dog", "bark", "barking", "puppy"), ("canine", "hund", "pet", "woofer")),
    "rooster_crow": (("rooster", "crow", "crowing", "cockerel"), ("poultry", "gallo", "cock-a-doodle", "henhouse")),
    "baby_cry": (("baby", "cry", "crying", "infant"), ("bebe", "tears", "tantrum", "nursery")),
    "sneeze": (("sneeze", "sneezing"), ("achoo", "allergy", "hay-fever", "nies")),
    "clock_tick": (("clock", "tick", "ticking"), ("horloge", "timer", "pendulum", "seconds")),
    "helicopter": (("helicopter", "flying", "overhead"), ("chopper", "heli", "rotor", "aircraft")),
    "chainsaw": (("chainsaw", "saw", "cutting", "wood"), ("lumber", "kettensaege", "forestry", "two-stroke")),
    "siren": (("siren", "ambulance", "police"), ("emergency", "sirene", "911", "rescue")),
    "car_horn": (("horn", "honk", "car"), ("klaxon", "claxon", "beep-beep", "road-rage")),
    "church_bell": (("bell", "church", "ringing"), ("glocke", "campana", "chapel", "belfry")),
    "footsteps": (("footsteps", "steps", "walking"), ("shoes", "pasos", "strolling", "gait")),
    "door_knock": (("knock", "door", "knocking"), ("toc-toc", "visitor-at-home", "entrance", "rapping-sfx")),
    "phone_ring": (("phone", "telephone", "ring", "ringing"), ("landline", "ringtone", "call", "telefon")),
    "bird_chirp": (("bird", "chirp", "chirping", "songbird"), ("oiseau", "birdsong", "avian", "dawn-chorus")),
    "engine_start": (("engine", "motor", "car", "starting"), ("ignition", "automobile", "starter", "diesel")),
    "thunder": (("thunder", "storm", "rumble"), ("lightning", "orage", "thunderstorm", "tempest")),
    "glass_break": (("glass", "breaking", "shatter"), ("smash-sfx", "verre", "shards", "debris")),
    "cat_meow": (("cat", "meow", "meowing", "kitten"), ("feline", "katze", "kitty", "miaow")),
    "frog_croak": (("frog", "croak", "croaking", "toad"), ("amphibian", "rana", "pondlife", "swamp")),
    "train_whistle": (("train", "whistle", "locomotive"), ("railway", "zug", "railroad", "steam-engine")),
    "hammer": (("hammer", "hammering", "nail"), ("diy", "carpentry", "martillo", "toolbox")),
    "alarm_beep": (("alarm", "beep", "beeping"), ("buzzer", "wake-up", "alert", "piep")),
    "water_drip": (("water", "drip", "dripping", "tap"), ("leak", "plumbing", "goutte", "droplet")),
    "owl_hoot": (("owl", "hoot", "hooting"), ("eule", "nocturnal", "strix", "raptor")),
}
BACKGROUNDS = {
    "rain": (("rain",), ("weather", "pluie", "shower", "downpour")),
    "sea_waves": (("sea", "waves", "ocean"), ("beach", "surf", "seaside", "coast")),
    "fire": (("fire", "crackling", "campfire"), ("fireplace", "flames", "hearth", "embers")),
    "wind": (("wind", "blowing"), ("windy", "gusts", "breeze", "viento")),
    "traffic": (("traffic", "road", "cars"), ("highway", "motorway", "urban", "commute")),
    "crowd": (("people", "crowd", "voices"), ("walla", "babble", "market", "audience")),
    "stream": (("stream", "creek", "water", "river"), ("brook", "arroyo", "rapids", "valley")),
    "night_insects": (("crickets", "insects", "night"), ("cicadas", "grillons", "summer-evening", "bugs")),
}

CONTEXT = (  # groups of keywords that name no event
    ("field-recording", "ambience", "ambient", "atmosphere", "soundscape", "background", "noise", "sound", "recording", "foley"),
    ("outdoors", "outside", "indoors", "nature", "city", "garden", "kitchen", "street", "country", "village", "home", "yard", "forest", "room"),
    ("{machine}", "stereo", "mono", "binaural", "contact-mic", "handheld", "24bit", "{year}", "loop", "raw", "unprocessed"),
    ("sfx", "effect", "sample", "film", "game", "movie", "horror", "free", "real", "short", "long", "single", "multiple"),
    ("relaxing", "creepy", "calm", "annoying", "funny", "sad", "peaceful", "weird", "cool", "morning", "evening", "summer", "winter", "{place}"),
)
PEOPLE = ("George", "Luna", "Bruno", "Maya", "Otto", "Pepper", "Aunt Vi", "Sam", "Nina", "the neighbour")
PLACES = ("Arvik", "Lindholm", "Port Casey", "Valdora", "Mill Lane", "Brenne", "Osterby", "Hallow Hill", "San Tirso", "Quayside")
MACHINES = ("recorder-xl", "pocket-mic", "handy", "dr-77", "mk-iv", "fieldpro", "phone-mic", "lav-mic", "shotgun-mic")

NAMING = ("{heard}", "{heard}", "{heard}", "{heard} {n}", "{heard} {nnn}", "my {heard} {person}", "{person} {heard}", "{heard} in {place}",
          "{heard} {date}", "{heard} close {machine}", "{heard} loop", "{heard} far away", "some {heard} from my window", "the {heard} in the yard",
          "{date} {place} {heard}", "{heard} recorded early with {machine}", "sfx {heard} edit final", "old {heard} by {person}")
UNINFORMATIVE = ("IMG {nnnn}", "ZOOM{nnnn}", "{date} {n}", "{hour}am", "STE-{nnn}", "Untitled", "New Recording {n}", "final mix",
                 "{place}", "{place} {year}", "{place} ambience", "outside my window this morning", "{person}", "at {person}s place", "test {machine}",
                 "field recording {place} first take", "Track {nnn}", "sample", "walk with {person}", "balcony {place}", "listen to this",
                 "quiet afternoon at {person}s house in {place}", "{place} {machine} stereo edit", "what was that", "backyard")
HEARD = ("Here you can hear {heard}.", "{heard}, recorded close by.", "This is {heard} as it happened.", "Mostly {heard}, I think.")
CHATTER = ("Recorded with my {machine} at {hour} in the morning.", "Feel free to use it, drop me a line if you do :)", "Sorry for the handling noise!!",
           "Normalised & trimmed, no other processing.", "Part {n} of a session in {place}, {year}.", "Made for a short film that {person} never finished.",
           "24 bit / 48 kHz, {machine}, low cut on.", "Thanks for all the downloads, wow \U0001f600", "My first upload, be kind.", "See pack no. {n} for the other takes.")
LINKS = ("More on https://example.org/sounds/{nnnn}", "Used in this: http://example.com/watch?v={nnnn}", 'Credit <a href="https://example.org/u/{nnn}">me</a> please.')
MARKUP = ("<p>{}</p>", "<b>{}</b><br />", "{}<br/><br/>&quot;enjoy&quot;", "<i>{}</i>&nbsp;&amp; more", '<span style="color:red">{}</span>')
# fmt: on
