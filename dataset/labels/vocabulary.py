"""Words that labels, answers and detectors share. The values are stored in the catalog."""

from enum import StrEnum

UNUSABLE = "unusable"  # answer and label: not a picture for any class
UNSURE = "unsure"  # answer and label: people cannot tell, or they disagree
KEPT_OUT = "now"  # how a reason in diff.parquet begins: the label that an image has instead of one of the project's
EXCLUDED = "set_aside"  # label: excluded automatically, until somebody answers
WITHDRAWN = ""  # answer of a judgement that cancels the reviewer's earlier one
EXPLICIT = "explicit"  # name of the detector whose finding keeps an image from everybody until a person has looked
CERTAIN = "certain"  # name of the detector whose finding excludes an image without a person
CALIBRATED_BY_PACK = "pack"  # error probabilities come from a subject pack's prior; only these exclude an image
CALIBRATED_BY_ANSWERS = "answers"  # they were fitted to answers about the audit sample
NOT_CALIBRATED = ""  # they only order the queue


class DecisionOrigin(StrEnum):
    """What a decision is based on."""

    SOURCE = "source"
    HUMAN = "human"  # one person's answer
    CONSENSUS = "consensus"  # several people's answers
    DETECTOR = "detector"


class JudgementOrigin(StrEnum):
    """Where a judgement comes from."""

    LABEL_STUDIO = "label_studio"
    ADJUDICATOR = "adjudicator"
    GOLD = "gold"
    IMPORT = "import"
    WALL = "wall"  # chosen for one picture of a wall
    CONFIRMED = "confirmed"  # one of the pictures of a wall that the reviewer did not call odd


class Purpose(StrEnum):
    """Why a question is asked."""

    RISK = "risk"  # to find wrong labels
    AUDIT = "audit"  # to estimate how many labels are wrong
    CERTIFY = "certify"  # to show that few labels are wrong
    CHOSEN = "chosen"  # because a reviewer chose the picture on the map
    GOLD = "gold"  # to compare a reviewer with a known answer
    REPEAT = "repeat"  # to see whether a reviewer gives the same answer twice
    DISPUTE = "dispute"  # to get one more answer, because reviewers disagree
    ADJUDICATE = "adjudicate"  # to let the adjudicator decide, because they still disagree


FINAL_ORIGINS = frozenset({JudgementOrigin.GOLD, JudgementOrigin.ADJUDICATOR})  # one such judgement settles a question
