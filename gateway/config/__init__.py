"""One TOML file, a drop-in folder and the environment, made into a frozen Config (DESIGN §5)."""

from gateway.config.load import json_schema, load
from gateway.config.model import (
    Audit,
    Config,
    ConsoleListener,
    Delivery,
    Gateway,
    IntakeListener,
    Listen,
    Platform,
    Route,
    Storage,
    System,
)
from gateway.config.problem import ConfigError, Problem
from gateway.config.secret import Secret
from gateway.config.values import Address

__all__ = [
    "Address",
    "Audit",
    "Config",
    "ConfigError",
    "ConsoleListener",
    "Delivery",
    "Gateway",
    "IntakeListener",
    "Listen",
    "Platform",
    "Problem",
    "Route",
    "Secret",
    "Storage",
    "System",
    "json_schema",
    "load",
]
