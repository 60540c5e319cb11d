"""Tools that the server runs by itself: searching the web, and those of an MCP server."""

from inworld_rt import Client
from inworld_rt.config import McpTool, WebSearchOptions, WebSearchTool

SEARCH = WebSearchTool(provider_data=WebSearchOptions(engine="exa", max_results=3))
DESK = McpTool(server_label="desk", server_url="https://mcp.example/", require_approval="never")

with Client(tools=[SEARCH]) as client:
    print(client.ask("Please search the web for the height of the Eiffel tower."))
    client.add_tool(DESK)  # in the GA schema; Inworld may pass it over
    print(client.ask("Hello again."))
    client.remove_tool("web_search")
