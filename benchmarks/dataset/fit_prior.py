"""make prior: fit the shipped priors on ../shared/photos. `unsure` photos teach nothing; the rest is all used.

bench-triage says what they are worth on sites they were not fitted on.
"""

from dataclasses import replace

from photos import labelled

from dataset.suspicion import shipped_prior
from foundation.environment import shared_folder
from foundation.settings import WEIGHTS_NAME
from networks.backbone import backbone
from networks.built_in import BUILT_IN

STRENGTHS = {BUILT_IN: 0.01}


def main() -> None:
    shared = shared_folder()
    if not shared:
        raise SystemExit("no ../shared here: priors are fitted on its photos; set ISITCAKE_SHARED")
    folder = shared / "models"
    pretrained = labelled(shared, backbone(folder / WEIGHTS_NAME)).of_known_label()
    built_in = labelled(shared, backbone(None), with_objects=False).of_known_label()
    bare = replace(pretrained, vectors=pretrained.vectors[:, :0])
    for name, known in ((WEIGHTS_NAME, pretrained), (BUILT_IN, built_in), (shipped_prior.ANY_BACKBONE, bare)):
        made = shipped_prior.fit(known.vectors, known.measures, known.labels, STRENGTHS.get(name, 0.003))
        print(f"{made.save(name.removesuffix('.onnx'))}: {len(known.labels)} photos, answers {', '.join(made.labels)}")


if __name__ == "__main__":
    main()
