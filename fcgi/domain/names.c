#include "domain/names.h"

#include <stdio.h>

#include "base/random.h"

static const char *const adjectives[128] = {
    "able", "agile", "amber", "ample", "apt", "azure", "balmy", "bold", "brave", "breezy",
    "bright", "brisk", "bronze", "calm", "candid", "careful", "cheery", "civic", "clear",
    "clever", "coastal", "cobalt", "cool", "copper", "coral", "cosmic", "cozy", "crisp",
    "curious", "dapper", "daring", "deft", "dewy", "eager", "early", "earnest", "easy", "elder",
    "exact", "fair", "famous", "fancy", "fine", "first", "fleet", "fluent", "fond", "frank",
    "free", "fresh", "gentle", "giant", "gilded", "glad", "golden", "grand", "great", "green",
    "handy", "happy", "hardy", "hearty", "honest", "humble", "ideal", "indigo", "ivory", "jolly",
    "jovial", "keen", "kind", "lively", "loyal", "lucid", "lucky", "lunar", "mellow", "merry",
    "mighty", "mild", "misty", "modest", "neat", "nimble", "noble", "novel", "open", "orange",
    "patient", "plain", "polar", "polite", "prime", "proud", "pure", "quick", "quiet", "rapid",
    "rare", "ready", "regal", "rosy", "royal", "ruby", "rustic", "sage", "scarlet", "serene",
    "sharp", "shiny", "silent", "silver", "simple", "smart", "smooth", "snowy", "solar", "solid",
    "sonic", "stable", "steady", "sturdy", "sunny", "swift", "tender", "tidy", "timely", "topaz",
};

static const char *const nouns[128] = {
    "acorn", "alder", "anchor", "apple", "arbor", "arrow", "aspen", "atlas", "aurora", "badger",
    "bamboo", "banjo", "basil", "bay", "beacon", "beaver", "birch", "bison", "breeze", "bridge",
    "brook", "cabin", "cactus", "canal", "canoe", "canyon", "carbon", "castle", "cedar", "cello",
    "cherry", "cliff", "clover", "comet", "compass", "condor", "cove", "crane", "creek",
    "cricket", "crystal", "cypress", "dahlia", "delta", "dolphin", "dove", "dune", "eagle",
    "echo", "elm", "ember", "falcon", "fern", "field", "finch", "fjord", "flute", "forest", "fox",
    "galaxy", "garden", "garnet", "geyser", "ginger", "glacier", "glade", "grove", "gull",
    "harbor", "hawk", "hazel", "heron", "hill", "hollow", "iris", "island", "jasper", "juniper",
    "kestrel", "kite", "lagoon", "lake", "lantern", "larch", "lark", "laurel", "lemon", "lily",
    "lotus", "lynx", "magnet", "maple", "marble", "marsh", "meadow", "mesa", "meteor", "mint",
    "moon", "moss", "mountain", "nebula", "oak", "oasis", "ocean", "olive", "orbit", "orchid",
    "osprey", "otter", "owl", "palm", "pebble", "pelican", "pine", "planet", "plum", "pond",
    "poplar", "prairie", "quartz", "quill", "rain", "raven", "reef", "ridge", "river", "robin",
};

void
name_random(char out[NAME_SIZE])
{
	snprintf(out, NAME_SIZE, "%s-%s-%u", adjectives[random_below(128)], nouns[random_below(128)],
	    random_below(40000) + 1);
}
