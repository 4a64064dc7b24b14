"""The words of the grammar: how people name a sound, its attributes and its place. Data only.

A wording is `subject | finite verb | gerund`; `*` marks where an adjective of pitch may stand (without one, pitch is
said with an adverb). HELD_OUT wordings are met in the test and shifted splits alone, never in training.
Taught in notebook 01.
"""
# ruff: noqa: E501 (tables read better one kind a line)

ANIMALS = ("dog_bark", "cat_meow", "bird_chirp", "frog_croak", "owl_hoot", "rooster_crow")

# fmt: off
KINDS = {
    "dog_bark": ("a * dog|barks|barking", "a * dog|yaps|yapping", "a * puppy|woofs|woofing", "a * guard dog|barks|barking", "a * farm dog|barks|barking"),
    "rooster_crow": ("a * rooster|crows|crowing", "a * cockerel|crows|crowing", "a * rooster|calls out|calling out", "a * farm rooster|crows|crowing"),
    "baby_cry": ("a baby|cries|crying", "an infant|cries|crying", "a young baby|wails|wailing", "a newborn|cries out|crying out"),
    "sneeze": ("a person|sneezes|sneezing", "someone|sneezes|sneezing", "a man|lets out a sneeze|letting out a sneeze", "a woman|sneezes|sneezing"),
    "clock_tick": ("a * clock|ticks|ticking", "a * wall clock|ticks away|ticking away", "a * old clock|ticks|ticking", "a * table clock|clicks|clicking"),
    "helicopter": ("a * helicopter|flies over|flying over", "a * helicopter|hovers overhead|hovering overhead", "a * helicopter|whirs|whirring", "a * helicopter|passes by|passing by"),
    "chainsaw": ("a * chainsaw|buzzes|buzzing", "a * chainsaw|cuts through wood|cutting through wood", "someone|runs a * chainsaw|running a * chainsaw", "a * power saw|roars|roaring"),
    "siren": ("a * siren|wails|wailing", "an ambulance|sounds its * siren|sounding its * siren", "a * police siren|blares|blaring", "a * fire siren|howls|howling"),
    "car_horn": ("a * car horn|honks|honking", "a driver|honks a * horn|honking a * horn", "a car|beeps its * horn|beeping its * horn", "a vehicle|sounds a * horn|sounding a * horn"),
    "church_bell": ("a * church bell|rings|ringing", "a * bell|tolls|tolling", "a * church bell|chimes|chiming", "a * church bell|rings out|ringing out"),
    "footsteps": ("a person|walks along|walking along", "someone|takes steps|taking steps", "footsteps|go by|going by", "a person|paces|pacing"),
    "door_knock": ("someone|knocks on a door|knocking on a door", "a person|knocks at the door|knocking at the door", "a visitor|raps at the door|rapping at the door", "a fist|knocks on wood|knocking on wood"),
    "phone_ring": ("a * telephone|rings|ringing", "a * phone|rings|ringing", "a * telephone|goes off|going off", "an old phone|gives a * ring|giving a * ring"),
    "bird_chirp": ("a * bird|chirps|chirping", "a * bird|sings|singing", "a * songbird|tweets|tweeting", "a * wild bird|chirps|chirping"),
    "engine_start": ("an engine|starts up|starting up", "a car|starts its engine|starting its engine", "a motor|is started|being started", "someone|starts a car|starting a car"),
    "thunder": ("thunder|rumbles|rumbling", "thunder|rolls|rolling", "a clap of thunder|booms|booming", "a storm|thunders|thundering"),
    "glass_break": ("a glass|breaks|breaking", "glass|shatters|shattering", "a window pane|smashes|smashing", "someone|breaks a glass|breaking a glass"),
    "cat_meow": ("a * cat|meows|meowing", "a * kitten|meows|meowing", "a * cat|cries for food|crying for food", "a * house cat|meows|meowing"),
    "frog_croak": ("a * frog|croaks|croaking", "a * toad|croaks|croaking", "a * pond frog|croaks|croaking", "a * frog|ribbits|ribbiting"),
    "train_whistle": ("a train|blows its * whistle|blowing its * whistle", "a * train whistle|blows|blowing", "a locomotive|sounds its * whistle|sounding its * whistle", "a train|whistles|whistling"),
    "hammer": ("someone|hammers a nail|hammering a nail", "a * hammer|strikes|striking", "a worker|pounds with a hammer|pounding with a hammer", "a * hammer|hits a nail|hitting a nail"),
    "alarm_beep": ("a * alarm|beeps|beeping", "a * alarm clock|goes off|going off", "an electronic alarm|beeps|beeping", "a * smoke detector|beeps|beeping"),
    "water_drip": ("water|drips from a tap|dripping from a tap", "a faucet|drips|dripping", "drops of water|fall into a sink|falling into a sink", "water|drips|dripping"),
    "owl_hoot": ("a * owl|hoots|hooting", "a * forest owl|hoots|hooting", "a * owl|calls in the dark|calling in the dark", "a * night owl|hoots|hooting"),
}

HELD_OUT = {
    "dog_bark": ("a * hound|bays|baying", "a * terrier|lets out a bark|letting out a bark"),
    "rooster_crow": ("a * cock|announces the morning|announcing the morning", "a * cock|crows on a farm|crowing on a farm"),
    "baby_cry": ("a toddler|bawls|bawling", "a small child|weeps|weeping"),
    "sneeze": ("somebody with a cold|goes achoo|going achoo", "a nose|explodes in a sneeze|exploding in a sneeze"),
    "clock_tick": ("a * timepiece|tick-tocks|tick-tocking", "a * mantel clock|tick-tocks|tick-tocking"),
    "helicopter": ("a * chopper|thuds through the air|thudding through the air", "the rotor of a * chopper|beats the air|beating the air"),
    "chainsaw": ("a lumberjack|fells a tree with a * saw|felling a tree with a * saw", "a logger|revs a * saw|revving a * saw"),
    "siren": ("an emergency vehicle|screams past|screaming past", "a * patrol car|wails past|wailing past"),
    "car_horn": ("a motorist|toots|tooting", "an automobile|hoots its * klaxon|hooting its * klaxon"),
    "church_bell": ("a * steeple bell|peals|pealing", "a * cathedral bell|clangs|clanging"),
    "footsteps": ("someone in heels|strolls past|strolling past", "shoes|tread on tiles|treading on tiles"),
    "door_knock": ("knuckles|tap on a door|tapping on a door", "a guest|thumps at the entrance|thumping at the entrance"),
    "phone_ring": ("a * landline|jingles|jingling", "an incoming call|trills on a * handset|trilling on a * handset"),
    "bird_chirp": ("a * sparrow|twitters|twittering", "a * finch|warbles|warbling"),
    "engine_start": ("an ignition|turns over|turning over", "a vehicle|cranks into life|cranking into life"),
    "thunder": ("the sky|grumbles with lightning|grumbling with lightning", "a thunderstorm|cracks|cracking"),
    "glass_break": ("a bottle|bursts into shards|bursting into shards", "crockery|crashes to pieces|crashing to pieces"),
    "cat_meow": ("a * feline|mews|mewing", "a * tomcat|yowls|yowling"),
    "frog_croak": ("a * bullfrog|grunts|grunting", "a * amphibian|bellows in a marsh|bellowing in a marsh"),
    "train_whistle": ("a * steam engine|toots at a crossing|tooting at a crossing", "a railway engine|gives a * hoot|giving a * hoot"),
    "hammer": ("a carpenter|bangs on a nail|banging on a nail", "a * mallet|whacks a plank|whacking a plank"),
    "alarm_beep": ("a * warning tone|bleeps|bleeping", "a * microwave|bleeps|bleeping"),
    "water_drip": ("a leaking pipe|dribbles|dribbling", "droplets|plop into a bucket|plopping into a bucket"),
    "owl_hoot": ("a * nocturnal bird|goes tu-whit tu-whoo|going tu-whit tu-whoo", "a * barn owl|hollers|hollering"),
}

# Phrases of place: each must read after a whole clause ("a dog barks ...").
BACKGROUNDS = {
    "rain": ("over steady rain", "while it rains", "as rain falls", "in the rain", "against the patter of rain"),
    "sea_waves": ("by the sea", "over breaking waves", "as waves roll onto the shore", "with ocean waves behind it"),
    "fire": ("by a crackling fire", "over a crackling fire", "as a fire burns", "with a campfire crackling behind it"),
    "wind": ("in the wind", "over blowing wind", "as the wind blows", "with wind blowing past"),
    "traffic": ("over traffic noise", "on a busy road", "as cars drive by", "with street traffic all around"),
    "crowd": ("in a crowd", "as people talk all around", "over the chatter of people", "in a room full of voices"),
    "stream": ("by a stream", "over running water", "as a creek flows", "beside a flowing river"),
    "night_insects": ("among crickets at night", "over the chirr of crickets", "as insects buzz at night", "with crickets all around"),
}
BACKGROUNDS_HELD_OUT = {
    "rain": ("during a downpour", "in a drizzle"), "sea_waves": ("on a beach with surf",), "fire": ("next to burning logs",),
    "wind": ("in a stiff breeze", "in a gale"), "traffic": ("beside a highway",), "crowd": ("amid a babble of voices",),
    "stream": ("near a babbling brook",), "night_insects": ("amid cicadas after dark",),
}

ADJECTIVES = {  # of pitch, for animals and for things
    ("low", True): ("big", "large", "deep-voiced"), ("low", False): ("deep", "low-pitched", "low"),
    ("high", True): ("small", "little", "high-pitched"), ("high", False): ("high-pitched", "shrill", "high"),
}
ADJECTIVES_HELD_OUT = {
    ("low", True): ("hefty",), ("low", False): ("bass",), ("high", True): ("tiny",), ("high", False): ("piercing",),
}
ADVERBS = {  # after the verb
    "low": ("in a low tone", "at a low pitch", "with a low sound"), "high": ("in a high tone", "at a high pitch", "with a high sound"),
    "slow": ("slowly", "at a slow pace", "at long intervals"), "fast": ("quickly", "rapidly", "at a fast pace"),
    "far": ("in the distance", "far away", "from afar"),
    "soft": ("softly", "quietly", "faintly"), "loud": ("loudly", "very loudly", "at full volume"),
    1: ("once", "just once", "a single time"), 2: ("twice", "two times"), 3: ("three times",), 4: ("four times",),
}
ADVERBS_HELD_OUT = {
    "slow": ("unhurriedly",), "fast": ("in quick succession",), "far": ("a long way off",),
    "soft": ("gently",), "loud": ("noisily",), 2: ("a couple of times",), 3: ("thrice",),
}

OPENERS = ("in this recording", "on this recording", "somewhere outside", "at one point", "for a moment", "out there")
CLOSERS = ("for all to hear", "for anyone to hear", "during the recording", "in this short clip", "somewhere out there")
# fmt: on
