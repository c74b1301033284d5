"""Keypoints and time → where in the piece. Knows nothing of pictures."""
