"""Tools: plain functions that the model may call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from inworld_rt.client.settings import Settings
from inworld_rt.config import Tool as Declared
from inworld_rt.errors import ConfigError
from inworld_rt.tools.function import DEFAULT_TIMEOUT, Tool
from inworld_rt.tools.toolbox import label

__all__ = ["Tools"]

F = TypeVar("F", bound=Callable[..., Any])


class Tools(Settings):
    """The part of the client that gives the model something to do."""

    @overload
    def tool(self, function: F, /) -> F: ...

    @overload
    def tool(
        self,
        *,
        name: str | None = None,
        description: str | None = None,
        parameters: dict[str, Any] | None = None,
        timeout: float | None = DEFAULT_TIMEOUT,
    ) -> Callable[[F], F]: ...

    def tool(self, function: Any = None, **options: Any) -> Any:
        """Let the model call a function; a decorator.

        ::

            @client.tool
            def weather(city: str) -> str:
                \"\"\"Tell what the weather is like.

                Args:
                    city: the place.
                \"\"\"
                return f"Sunny in {city}."

        The model is told what the signature, the type hints and the docstring say, default values
        included. The function runs on a thread of its own, several may run at once, and in that
        thread it may use the client, only not wait for the answer that waits for it. What it
        returns is given to the model, which then goes on with its answer; so is the type and
        message of an exception. A :class:`~inworld_rt.ToolError` is meant for the model; any other
        exception is shown to you, too.

        Args:
            function: it; returned as it is.
            options: those of :meth:`add_tool`.

        Raises:
            InworldError: as :meth:`add_tool`.
        """
        if function is not None:
            self.add_tool(function, **options)
            return function

        def decorate(function: F) -> F:
            self.add_tool(function, **options)
            return function

        return decorate

    def add_tool(
        self,
        tool: Callable[..., Any] | Declared,
        *,
        name: str | None = None,
        description: str | None = None,
        parameters: dict[str, Any] | None = None,
        timeout: float | None = DEFAULT_TIMEOUT,
    ) -> None:
        """Give the model a tool, and wait until the server has accepted it.

        Args:
            tool: a function; or the declaration of a tool that the server runs itself
                (:class:`~inworld_rt.config.WebSearchTool`, :class:`~inworld_rt.config.McpTool`), or
                of a function whose calls you answer yourself
                (:class:`~inworld_rt.config.FunctionTool`), see ``response.tool_calls``.
            name: what the model calls it; default: the function's name.
            description: what it is for; default: from the docstring.
            parameters: a JSON Schema of its arguments; default: from the signature and the
                docstring.
            timeout: seconds that the model waits for it. Then it is told that the tool is still
                working, and the result is told when it comes and nobody speaks. ``None``: for ever.

        Raises:
            ConfigError: the function cannot be a tool, or there is one of this name.
            BackendMissing: ``parameters`` was left out, and the packages that read signatures are
                not installed; says what to type.
            ServerError, WaitTimeout, ConnectionClosed: as :meth:`update_session`.
        """
        new: object = tool
        if not isinstance(tool, Declared):
            new = Tool.of(
                tool,
                name=name,
                description=description,
                parameters=parameters,
                timeout=timeout,
            )
        with self._toolbox.lock:
            self.update_session(tools=[*self._toolbox.declared, new])

    def remove_tool(self, name: str) -> None:
        """Take a tool away, and wait until the server has accepted that.

        Args:
            name: what the model calls it; an MCP server's label; or ``web_search``.

        Raises:
            ConfigError: there is none of this name.
            ServerError, WaitTimeout, ConnectionClosed: as :meth:`update_session`.
        """
        box = self._toolbox
        with box.lock:
            left = [tool for tool in box.declared if label(tool) != name]
            if len(left) == len(box.declared):
                raise ConfigError(f"there is no tool {name!r:.80}")
            self.update_session(tools=left)
