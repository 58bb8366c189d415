"""What kind of thing each photo of ../shared/photos/objects shows: ten kinds, by the query that found it."""

_QUERIES = {
    "bird": (
        "american egret, bee eater, bulbul, bustard, chickadee, crane, flamingo, goldfinch, "
        "great grey owl, jay, junco, macaw, ptarmigan, red-breasted merganser, robin, ruddy turnstone"
    ),
    "dog": (
        "basenji, borzoi, brittany spaniel, clumber, cocker spaniel, collie, english foxhound, english springer, "
        "eskimo dog, gordon setter, irish terrier, irish wolfhound, keeshond, komondor, lhasa, miniature pinscher, "
        "newfoundland, pekinese, pomeranian, rottweiler, schipperke, scottish deerhound, siberian husky, "
        "silky terrier, standard poodle, sussex spaniel, tibetan mastiff, west highland white terrier"
    ),
    "mammal": (
        "arctic fox, black-footed ferret, brown bear, capuchin, chimpanzee, fox squirrel, gibbon, grey fox, hamster, "
        "hare, hippopotamus, ibex, kit fox, llama, mink, mongoose, orangutan, otter, platypus, porcupine, sorrel, "
        "three-toed sloth, timber wolf, tusker, wallaby"
    ),
    "cold-blooded": (
        "alligator lizard, barracouta, bee, bullfrog, chambered nautilus, conch, damselfly, diamondback, dragonfly, "
        "fly, gar, king crab, loggerhead, long-horned beetle, mud turtle, rock beauty, snail, stingray, tiger shark, "
        "whiptail"
    ),
    "plant": (
        "acorn squash, agaric, banana, bolete, butternut squash, cardoon, coral fungus, earthstar, fig, gyromitra, "
        "hen-of-the-woods, jack-o-lantern, lemon, pomegranate, spaghetti squash"
    ),
    "kitchen": (
        "caldron, china cabinet, coffee mug, consomme, crock pot, dishrag, dutch oven, eggnog, espresso, hotdog, "
        "ice cream, measuring cup, mixing bowl, plate, plate rack, pop bottle, pot, rotisserie, soup bowl, spatula, "
        "strainer, teapot, tray, waffle iron, water bottle, whiskey jug, wine bottle, wooden spoon"
    ),
    "vehicle": (
        "balloon, canoe, car mirror, car wheel, disk brake, dogsled, electric locomotive, garbage truck, half track, "
        "jinrikisha, limousine, motor scooter, recreational vehicle, schooner, steam locomotive, streetcar, tractor, "
        "tricycle, trimaran"
    ),
    "building": (
        "bell cote, castle, cliff dwelling, mailbox, park bench, parking meter, pier, restaurant, shoe shop, shoji, "
        "solar dish, stone wall, street sign, suspension bridge, vault, vending machine, viaduct, window shade, yurt, "
        "confectionery"
    ),
    "wear": (
        "backpack, baseball, bathing cap, breastplate, cowboy hat, dumbbell, mitten, parachute, pool table, "
        "punching bag, purse, racket, rugby ball, running shoe, sombrero, umbrella, volleyball"
    ),
    "thing": (
        "bassinet, bathtub, book jacket, candle, cd player, chain, chain saw, chime, desktop computer, digital clock, "
        "guillotine, harmonica, hatchet, hourglass, jigsaw puzzle, knot, lens cap, lighter, menu, notebook, odometer, "
        "oscilloscope, pencil box, pencil sharpener, pill bottle, pillow, projector, reel, rule, sax, scale, "
        "screwdriver, sewing machine, soap dispenser, space bar, toilet seat, trombone, tub, vase"
    ),
}
KINDS = {query: kind for kind, queries in _QUERIES.items() for query in queries.split(", ")}
