"""Functions that the model may call: it finds out by itself when, and goes on with the result."""

from inworld_rt import Client, ToolError
from inworld_rt.config import WebSearchTool

WEATHER = {"Oslo": (3, "snow"), "Rome": (21, "sun")}

with Client(instructions="Use your tools.", tools=[WebSearchTool()]) as client:

    @client.tool
    def weather(city: str) -> dict[str, object]:
        """Tell the weather in a city.

        Args:
            city: the city's name in English.
        """
        if city not in WEATHER:
            raise ToolError(f"I know only {', '.join(WEATHER)}.")  # the model makes the best of it
        degrees, sky = WEATHER[city]
        return {"sky": sky, "degrees": degrees}

    @client.tool(timeout=5)  # the model waits so long; a later result is told later
    def switch_lamp(room: str, on: bool) -> None:
        """Switch the lamp in a room on or off."""
        print(f"[lamp in the {room}: {'on' if on else 'off'}]")

    for text in (
        "How is the weather in Oslo?",
        "Please switch the lamp in the kitchen on.",
        "Please search the web for the height of the Eiffel tower.",  # the server's own tool
    ):
        response = client.say(text).wait()
        print(f"> {text}\n{response.text}")
        print("  called:", [f"{call.name}{call.arguments}" for call in response.tool_calls])
