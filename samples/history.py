"""A conversation that has a past: seed it, insert, fetch, delete, and change the agent midway."""

from inworld_rt import Client, ServerError
from inworld_rt.items import FunctionCall, FunctionCallOutput

with Client(voice="Clive") as client:
    ids = client.add_items(
        ("user", "What is the weather in Oslo?"),
        FunctionCall(call_id="c1", name="weather", arguments='{"city": "Oslo"}'),
        FunctionCallOutput(call_id="c1", output="3 degrees and snow"),
        ("assistant", "It snows, at 3 degrees."),
    )
    client.add_items(("system", "You are a weather presenter."), previous_item_id="root")
    client.delete_item(ids[1])

    answer = client.say("Please count to three.").wait()
    (item,) = answer.items
    print("the server has kept:", client.retrieve_item(item))  # with its sound
    client.truncate_item(item, 500)  # as if the user had heard half a second
    print("heard:", answer.heard_text)

    client.update_session(voice="Olivia", model="openai/gpt-4o-mini", speed=1.1)
    client.say("And now?").wait()
    print(client.conversation)

    try:  # a question on the side, which leaves no trace; the service may refuse such
        aside = client.create_response(
            conversation="none",
            output_modalities=["text"],
            instructions="In one word: what is this conversation about?",
        )
        print("on the side:", aside.text)
    except ServerError as refused:
        print("on the side:", refused)
