"""The web server: listening, certificates, access and limits."""
