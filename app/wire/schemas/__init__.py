"""The schemas of all resources: the format of requests and responses, and their OpenAPI descriptions."""
