"""From keypoints and time to the place in the piece. No images are handled here."""
