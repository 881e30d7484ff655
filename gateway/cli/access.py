"""How commands reach the store: reading opens it read-only; orders go to the running server, or, while none runs,
to the store itself under the data directory's lock (DESIGN §5).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from gateway.cli.frame import Exit, Failure
from gateway.clock import SystemClock
from gateway.config import Config, load
from gateway.ports import Store
from gateway.server.control import NoServer, order_over_socket, user_name
from gateway.server.operations import Order
from gateway.storage import StoreSettings, open_readonly

Found = TypeVar("Found")


def read(config_path: Path, look: Callable[[Store], Awaitable[Found]]) -> Found:
    """What *look* finds in the store, which is opened read-only. Failure if there is none or it may not be read."""
    config = load(config_path, os.environ, opens_secrets=False)

    async def looking() -> Found:
        async with _reading(config) as store:
            return await look(store)

    return asyncio.run(looking())


@asynccontextmanager
async def _reading(config: Config) -> AsyncIterator[Store]:
    settings = StoreSettings(config.gateway.data_dir)
    if not settings.database.exists():
        raise Failure(
            Exit.UNREACHABLE,
            "store.absent",
            f"Chưa có kho dữ liệu trong {settings.data_dir}, hoặc không có quyền xem",
            f"There is no store in {settings.data_dir}, or it may not be seen by this account",
            "Chạy 'lienthong serve' hoặc 'lienthong migrate' trước; dùng đúng tài khoản dịch vụ",
            "Run 'lienthong serve' or 'lienthong migrate' first; use the service's account",
        )
    store = await open_readonly(settings, SystemClock())
    try:
        yield store
    finally:
        await store.close()


def order(config_path: Path, operation: str, arguments: Mapping[str, str], reason: str = "") -> dict[str, Any]:
    """Have *operation* carried out by the server, or here under the lock. Refusal as the operation gave it."""
    config = load(config_path, os.environ, opens_secrets=False)
    try:
        return order_over_socket(config.gateway.data_dir / "control.sock", operation, arguments, reason)
    except NoServer:
        return asyncio.run(_order_here(config_path, Order(operation, user_name(os.getuid()), arguments, reason)))


async def _order_here(config_path: Path, order: Order) -> dict[str, Any]:
    from gateway.wiring import open_offline

    config = load(config_path, os.environ)
    async with open_offline(config) as operations:
        return dict(await operations.perform(order))
