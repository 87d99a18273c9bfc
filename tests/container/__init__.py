"""The image of the Dockerfile, built and run as its users do."""
