"""The one adapter to OpenCascade: nothing else imports it."""
