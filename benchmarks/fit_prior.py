"""make prior: fit the shipped priors on ../shared/photos. `unsure` photos teach nothing; the rest is all used.

bench-triage says what they are worth on sites they were not fitted on.
"""

from photos import labelled

from dataset import prior
from dataset.features import BUILT_IN, backbone
from isitcake.settings import WEIGHTS_NAME, shared_folder


def main() -> None:
    shared = shared_folder()
    if not shared:
        raise SystemExit("no ../shared here: priors are fitted on its photos; set ISITCAKE_SHARED")
    for net in (backbone(shared / "models" / WEIGHTS_NAME), backbone(None)):
        known = labelled(shared, net).of_known_label()
        made = prior.fit(known.vectors, known.measures, known.labels, 0.003 if net.name != BUILT_IN else 0.01)
        print(f"{made.save(net.name)}: {len(known.labels)} photos, answers {', '.join(made.labels)}")


if __name__ == "__main__":
    main()
