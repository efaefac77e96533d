"""The broker's market stream: binary frames, desired subscriptions, and the newest frame of every token."""
