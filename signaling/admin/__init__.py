"""The admin's side of the server: login, live view, actions, metrics, pages."""
