"""The sandbox of the request that is being answered."""

from flask import current_app
from werkzeug.local import LocalProxy

sandbox = LocalProxy(lambda: current_app.extensions["sandbox"])
