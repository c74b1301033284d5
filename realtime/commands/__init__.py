"""PoseSync."""
