"""A practice in the browser: frames in, answers out."""
