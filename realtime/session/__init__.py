"""What a session is made of, in the window and in the browser: options, log, recording, statistics."""
