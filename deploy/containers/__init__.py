"""The entry point and the health check of the image, and the setup of compose.yaml. A server uses none of them."""
