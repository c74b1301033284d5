"""Practice in the browser: takes camera frames and returns answers."""
