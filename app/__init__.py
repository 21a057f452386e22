"""The HTTP shell: endpoints, then services, then store and learning. Start it with `uvicorn --factory app.main:create_app`."""
