"""The API's description of itself: the OpenAPI document and its page."""
