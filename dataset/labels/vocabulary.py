"""Words that labels, answers and detectors share."""

UNUSABLE = "unusable"
CERTAIN = "certain"  # the detector whose finding excludes an image without a person
