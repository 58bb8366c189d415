"""make prior: fit the shipped priors to all photos of ../shared/photos whose label is not `unsure`.

`make bench-triage` measures priors on sites that they were not fitted to.
"""

from dataclasses import replace

from photos import CAKE, labelled

from dataset.suspicion import shipped_prior
from foundation.environment import shared_folder
from foundation.settings import COLOUR_TEXTURE, EFFICIENTNET_LITE0, WEIGHTS_NAME
from networks.backbone import backbone
from networks.built_in import BUILT_IN

STRENGTH = 0.003  # C of the logistic regression
STRENGTHS = {BUILT_IN: 0.01, EFFICIENTNET_LITE0: 0.001}


def main() -> None:
    shared = shared_folder()
    if not shared:
        raise SystemExit("../shared is missing, and the priors are fitted to its photos; set ISITCAKE_SHARED")
    folder = shared / "models"
    default = labelled(shared, backbone()).of_known_label()
    pretrained = labelled(shared, backbone(folder / WEIGHTS_NAME)).of_known_label()
    built_in = labelled(shared, backbone(COLOUR_TEXTURE), with_objects=False).of_known_label()
    bare = replace(pretrained, vectors=pretrained.vectors[:, :0])
    fitted = {
        EFFICIENTNET_LITE0: default,
        WEIGHTS_NAME: pretrained,
        BUILT_IN: built_in,
        shipped_prior.ANY_BACKBONE: bare,
    }
    for name, known in fitted.items():
        made = shipped_prior.fit(known.vectors, known.measures, known.labels, STRENGTHS.get(name, STRENGTH))
        path = made.save(CAKE, name.removesuffix(".onnx"))
        print(f"{path}: {len(known.labels)} photos, answers {', '.join(made.labels)}")


if __name__ == "__main__":
    main()
