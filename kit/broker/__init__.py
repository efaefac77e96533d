"""The wire protocol of SmartAPI: endpoints, login, replies and the client."""
