"""Functions that the model may call: it finds out by itself when, and goes on with the result."""

from typing import Literal

from inworld_rt import Client, ToolError

WEATHER = {"Oslo": (3, "snow"), "Rome": (21, "sun")}

with Client(instructions="Use your tools.") as client:

    @client.tool
    def weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> dict[str, object]:
        """Tell the weather in a city.

        Args:
            city: the city's name in English.
            unit: of the temperature.
        """
        if city not in WEATHER:
            raise ToolError(f"I know only {', '.join(WEATHER)}.")  # the model makes the best of it
        degrees, sky = WEATHER[city]
        return {"sky": sky, "degrees": degrees if unit == "celsius" else degrees * 9 / 5 + 32}

    @client.tool(timeout=5)  # the model waits so long; a later result is told later
    def switch_lamp(room: str, on: bool) -> None:
        """Switch the lamp in a room on or off."""
        print(f"[lamp in the {room}: {'on' if on else 'off'}]")

    for text in ("How is the weather in Oslo?", "Please switch the lamp in the kitchen on."):
        response = client.say(text).wait()
        print(f"> {text}\n{response.text}")
        print([f"{call.name}{call.arguments}" for call in response.tool_calls])
