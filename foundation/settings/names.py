"""Names of files, of the crawler and of answers that are never labels."""

CONFIG_NAME = "isitcake.toml"
NOT_LABELS = ("unusable", "unsure")  # reviewers may always give these answers; they are never published
RESERVED_LABELS = (*NOT_LABELS, "set_aside")  # words of the catalog's decisions; no label may have their name
SEARCH_WORDS = ("excluded", "undecided", "none")  # what `search` and `status` say of pictures without such a label
AGENT_NAME = "isitcakebot"  # product token of the user agent; robots.txt rules for this name apply to our crawler
MIN_SIDE_PX = 200  # shorter side of what is collected; smaller pictures of sites are icons
EFFICIENTNET_LITE0 = "efficientnet_lite0"  # comes with a package of the index
MOBILENET_V2 = "mobilenet_v2"  # a file in [models] folder
COLOUR_TEXTURE = "colour_texture"  # built in, not trained
SIGLIP2, CLIP = "siglip2", "clip"  # pairs of towers: files in [models] folder
PAIRS = (SIGLIP2, CLIP)
OPENNSFW = "opennsfw"  # comes with the nsfw extra
NETWORKS = (EFFICIENTNET_LITE0, MOBILENET_V2, SIGLIP2, CLIP, COLOUR_TEXTURE)
PICTURE_TOWER, TEXT_TOWER, TOKENIZER = "{}_vision.onnx", "{}_text.onnx", "{}_tokenizer.json"  # {}: one of PAIRS
WEIGHTS_NAME = "mobilenet_v2_1.0_224.onnx"
DETECTOR_NAME = "fastestdet_coco.onnx"
ZOO_WEIGHTS_NAME = "mobilenetv2-12.onnx"  # downloaded by `isitcake models fetch`
ZOO_DETECTOR_NAME = "ssd_mobilenet_v1_12.onnx"  # downloaded by `isitcake models fetch`
CLASSES_NAME = "imagenet_1001_labels.txt"  # class names of WEIGHTS_NAME, one per line
SUBJECTS = {"cake": ("cake", "not_cake")}  # packs of dataset/suspicion/packs: name → the labels that each speaks of
