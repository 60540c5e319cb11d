"""What a function takes: its signature as a JSON Schema, and the model's arguments by it."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from attrs import frozen

from inworld_rt import extras
from inworld_rt.errors import BackendMissing, ConfigError, ToolError
from inworld_rt.tools.result import dumps

__all__ = ["Schema", "documentation"]

_PURPOSE = "tell the model what a function takes (or give the JSON Schema yourself: parameters=)"
_JSON_WORDS = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
_NOISE = {"$ref", "title", "discriminator"}
_SHOWN = 80  # characters of a name that the model made up


def documentation(text: str | None, *, needed: bool = True) -> tuple[str, dict[str, str]]:
    """What a docstring says, in the styles of Google, NumPy, Sphinx or Epydoc.

    Args:
        text: it.
        needed: whether it must be read well; otherwise its first paragraph will do, where the
            package that reads docstrings is not installed.

    Returns:
        The description without its sections, and what is said of each argument or attribute.

    Raises:
        BackendMissing: that package is needed and not installed.
    """
    text = inspect.cleandoc(text or "")
    try:
        parser = extras.load("docstring_parser", extra="tools", purpose=_PURPOSE)
        parsed = parser.parse(text)
    except BackendMissing:
        if needed:
            raise
        return text.partition("\n\n")[0], {}
    except Exception:  # of no style, or misread: then as it is
        return text, {}
    about = {}
    for param in parsed.params:
        for name in param.arg_name.split(","):
            about[name.strip()] = " ".join((param.description or "").split())
    return (parsed.description or "").strip(), about


@frozen(eq=False)
class Schema:
    """The arguments of a function.

    Attributes:
        json: the JSON Schema, for the model.
    """

    json: dict[str, Any]
    _names: tuple[str, ...]
    _struct: Any

    @classmethod
    def of(
        cls,
        signature: inspect.Signature,
        namespace: dict[str, Any],
        about: Mapping[str, str],
        function: str,
    ) -> Schema:
        """Read a signature.

        Args:
            signature: it.
            namespace: where the names in its type hints are looked up.
            about: what the docstring says of the arguments.
            function: its name, for messages.

        Raises:
            ConfigError: the model cannot be told of a parameter.
            BackendMissing: the packages for it are not installed.
        """
        msgspec = extras.load("msgspec", extra="tools", purpose=_PURPOSE)
        properties, required, fields = {}, [], []
        for number, parameter in enumerate(signature.parameters.values()):
            hint, schema = _described(parameter, namespace, function)
            name, default = parameter.name, {}
            if note := _note(hint) or about.get(name):
                schema["description"] = note
            if parameter.default is parameter.empty:
                required.append(name)
            else:
                default["default"] = msgspec.UNSET  # left out, so that the function's own is taken
                schema.update(_shown(parameter.default))
            properties[name] = schema
            # Not every parameter's name is fit for an attribute.
            fields.append((f"p{number}", hint, msgspec.field(name=name, **default)))
        whole = {"type": "object", "properties": properties}
        if required:
            whole["required"] = required
        struct = msgspec.defstruct("Arguments", fields, kw_only=True, forbid_unknown_fields=True)
        return cls(whole, tuple(properties), struct)

    def read(self, data: dict[str, Any]) -> dict[str, Any]:
        """Check arguments and make them what the type hints say.

        Returns:
            Those that were given.

        Raises:
            ToolError: something is missing, unknown or wrong; tells the model where, never what
                was given.
        """
        msgspec = extras.load("msgspec", extra="tools", purpose=_PURPOSE)
        try:
            struct = msgspec.convert(data, self._struct, strict=False)
        except ToolError:
            raise  # by a class of the user's; meant for the model
        except msgspec.ValidationError as exc:
            raise ToolError(self._complaint(exc)) from None
        except Exception as exc:  # half a character, an unhashable item of a set, a user's class
            raise ToolError(f"the arguments cannot be used ({type(exc).__name__})") from None
        given = {name: getattr(struct, f"p{i}") for i, name in enumerate(self._names)}
        return {name: value for name, value in given.items() if value is not msgspec.UNSET}

    def _complaint(self, exc: Exception) -> str:
        message, found, path = str(exc).rpartition(" - at `")
        message, path = (message, path.replace("`", "")) if found else (path, "$")
        if exc.__cause__ is not None:
            # The words of a check in a user's class, and nearly every such check repeats the value.
            return f"{path}: refused by its own check ({type(exc.__cause__).__name__})"
        field = re.fullmatch(r"Object (\w+) .* field `(.*)`", message, re.DOTALL)
        if field and field[1] == "missing":
            return f"{path}.{field[2]}: it is missing"
        if field:
            known = ", ".join(self._names) or "none at all"
            there_are = f"; there are: {known}" if path == "$" else ""
            return f"{path}.{field[2]:.{_SHOWN}}: there is no such argument{there_are}"
        if message.startswith("Expected"):
            message = re.sub(r"\w+(?=[\w |]*`)", lambda m: _JSON_WORDS.get(m[0], m[0]), message)
            return f"{path}: e{message[1:]}".replace("`", "")
        # What remains may repeat the value.
        top = re.match(r"(?:key in )?\$\.([^.[]+)", path)
        schema = self.json["properties"].get(top[1] if top else "", {})
        return f"{path}: this value is not allowed; the schema of the argument is {dumps(schema)}"


def _described(
    parameter: inspect.Parameter, namespace: dict[str, Any], function: str
) -> tuple[Any, dict[str, Any]]:
    """The type hint of a parameter and its JSON Schema."""
    name = parameter.name
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        raise ConfigError(
            f"{function}(): the model cannot be told what {parameter} takes; name the parameters "
            "one by one, or give the JSON Schema yourself: parameters="
        )

    def holder() -> None:
        """Carries the one hint, so that the message can name its parameter."""

    bare = parameter.annotation is parameter.empty
    holder.__annotations__ = {name: Any if bare else parameter.annotation}
    try:
        hint = get_type_hints(holder, namespace, include_extras=True)[name]
        return hint, _json_schema(hint)
    except NameError as exc:
        raise ConfigError(
            f"{function}(): the type hint of {name!r} cannot be read ({exc}); define or import it "
            "at the top level of its module, or give the JSON Schema yourself: parameters="
        ) from exc
    except Exception as exc:  # as many kinds as there are mistakes
        reason = (str(exc).splitlines() or [type(exc).__name__])[-1]
        raise ConfigError(
            f"{function}(): the model cannot be told what {name!r} takes ({reason}); use str, int, "
            "float, bool, list, dict, Literal, an Enum or a dataclass in its type hint, or give "
            "the JSON Schema yourself: parameters="
        ) from exc


def _json_schema(hint: Any) -> dict[str, Any]:
    msgspec = extras.load("msgspec", extra="tools", purpose=_PURPOSE)
    msgspec.json.Decoder(hint)  # refuses what could be described but not converted
    (schema,), parts = msgspec.json.schema_components([hint])
    notes = _notes(hint, {})
    for name, part in parts.items():
        description, about = documentation(part.pop("description", None))
        if description:
            part["description"] = description
        properties = part.get("properties", {})
        for key, text in {**about, **notes.get(name, {})}.items():
            if text and key in properties:
                properties[key]["description"] = text
    plain: dict[str, Any] = _inlined(schema, parts, ())
    return plain


def _inlined(schema: Any, parts: dict[str, Any], inside: tuple[str, ...]) -> Any:
    """A schema without references and without what models do not need."""
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name in inside:
            raise ValueError(f"{name} contains itself")
        schema, inside = {**parts[name], **schema}, (*inside, name)
    out = {}
    for key, value in schema.items():
        if key in _NOISE or (key == "required" and not value):
            continue
        if key == "properties":
            value = {name: _inlined(inner, parts, inside) for name, inner in value.items()}
        elif key in ("items", "additionalProperties"):
            value = _inlined(value, parts, inside)
        elif key in ("anyOf", "prefixItems"):
            value = [_inlined(inner, parts, inside) for inner in value]
        out[key] = value
    return out


def _note(hint: Any) -> str | None:
    """The description in ``Annotated[int, "description"]``, also where that may be ``None``."""
    origin = get_origin(hint)
    if origin is Annotated:
        for note in hint.__metadata__:
            text = note if isinstance(note, str) else getattr(note, "description", None)
            if isinstance(text, str):
                return text
    if origin is Union or not isinstance(origin, type):  # also Required and the like
        return next(filter(None, map(_note, get_args(hint))), None)
    return None


def _notes(hint: Any, found: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Such descriptions in the classes that a hint is made of: by class, by field."""
    parts = get_args(hint)
    if not parts and isinstance(hint, type) and hint.__name__ not in found:
        hints = get_type_hints(hint, include_extras=True)
        found[hint.__name__] = {key: text for key, inner in hints.items() if (text := _note(inner))}
        parts = tuple(hints.values())
    for part in parts:
        _notes(part, found)
    return found


def _shown(default: Any) -> dict[str, Any]:
    try:
        return {"default": json.loads(dumps(default))}
    except (TypeError, ValueError, RecursionError):
        return {}  # not for JSON, and so not for the model
