"""Show the model a picture; a server that takes none says so. picture.py [picture.png]"""

import base64
import sys

from inworld_rt import Client, ServerError

DOT = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmM"
    "IQAAAABJRU5ErkJggg=="
)

with Client() as client:
    try:
        client.send_image(sys.argv[1] if sys.argv[1:] else base64.b64decode(DOT), "What is this?")
        print(client.create_response(output_modalities=["text"]).text)
    except ServerError as refused:
        print("No pictures here:", refused)
