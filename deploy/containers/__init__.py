"""The entry point and the health check of the image, and the files of compose.yaml. Nothing here is used on a server."""
