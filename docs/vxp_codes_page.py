"""Writes docs/vxp-codes.md from the table of the served VXP side. A test holds the page against the table."""

from __future__ import annotations

from pathlib import Path

from adapters.vxp.served_codes import SYSTEM_FAULT, TABLE, Meaning, error_code, is_named
from gateway.errors import FAULTS

PAGE = Path(__file__).with_name("vxp-codes.md")

HEAD = """# Kết nối bằng SDK VXP / Connecting with the VXP SDK

<!-- Written by `python docs/vxp_codes_page.py` from adapters/vxp/served_codes.py; do not edit. -->

Phần mềm dùng SDK Java của nhà cung cấp (giao thức tiêu đề 3.0.201608) chỉ đổi `endpoint` thành
`https://<cổng>/vxp`, `systemid` và `secret` do quản trị cổng cấp. Không sửa gì khác.

Software that uses the vendor's Java SDK (header protocol 3.0.201608) changes its `endpoint` to
`https://<gateway>/vxp`, and `systemid` and `secret` to those the gateway's administrator gives out. Nothing else.

```toml
[[systems]]
id = "qlvb-so-noi-vu"
adapter = "vxp"
system_id = "000.00.01.H53"
secret = "credential:qlvb-so-noi-vu"
timestamp_window = "24h"     # SDK giữ nguyên thời gian ký hàng giờ / the SDK keeps one time of signing for hours
parties = ["H53.1", "H53.1.*"]
```

## Thao tác / Operations

`sendEdoc`, `getReceivedEdocList`, `getEdoc`, `downloadEdoc`, `updateStatus`, `getSentEdocList`, `countReceiveEdoc`,
`countReceiveStatus`, `getAgenciesList`, `getAgenciesListQD20`, `getSynchronizeUnit`, `registerAgency`, `deleteAgency`.

- Chỉ tham số đã ký trong `XroadVnpt-sign-header` có hiệu lực; tham số cũ mà SDK gửi kèm không ảnh hưởng.
  Only parameters signed in `XroadVnpt-sign-header` count; stale ones that the SDK sends along do no harm.
- `DocId` của `sendEdoc` là mã của cổng. Gửi lại đúng gói đó thì nhận lại đúng mã đó.
  The `DocId` of `sendEdoc` is the gateway's id. The same package sent again gets the same id.
- `getReceivedEdocList` trả tối đa 1.000 gói cũ nhất chưa xác nhận của mọi đơn vị; thêm `to` = một mã đơn vị để chỉ lấy
  của đơn vị đó. `messagetype`, `fromDate`, `toDate` lọc thêm.
  It returns at most the 1,000 oldest packages not acknowledged, of all parties; `to` = one party's code narrows it to
  that party. `messagetype`, `fromDate` and `toDate` narrow it further.
- `updateStatus`: `done` là xong, `fail` để người trực xử lý, `processing` không đổi gì. Gọi lại không sao. `getEdoc`
  vẫn lấy được gói đã xác nhận.
  `done` ends it, `fail` leaves it to a person, `processing` changes nothing. Repeating does no harm. `getEdoc` still
  gives what was acknowledged.
- `getSentEdocList` có một dòng cho mỗi nơi nhận của tối đa 1.000 gói mới nhất, khoảng 10.000 dòng. `sendStatus` là
  `processing`, `done` hoặc `fail`; khi `fail`, `sendStatusDesc` nêu lý do. `receiveStatus` là trạng thái nghiệp vụ cuối
  cùng (01…16) của nơi nhận. `docId` chọn một gói.
  It has one row per recipient of at most the 1,000 newest packages, about 10,000 rows. `sendStatus` is `processing`,
  `done` or `fail`; on `fail`, `sendStatusDesc` gives the reason. `receiveStatus` is the recipient's last business
  status (01…16). `docId` selects one package.

## Trả lời / Answers

Mọi trả lời là JSON có `status` (`OK` hoặc `FAIL`), `ErrorCode`, `ErrorDesc`. Lỗi do yêu cầu (kể cả sai chữ ký, tệp quá
lớn) là HTTP 200 với `FAIL`: gửi lại nguyên như cũ thì vẫn lỗi. Lỗi tạm thời của cổng là HTTP 429 hoặc 5xx kèm cùng JSON
và `Retry-After`: gửi lại sau. Riêng `downloadEdoc` báo lỗi bằng mã HTTP, vì HTTP 200 là nội dung tệp.

Every answer is JSON with `status` (`OK` or `FAIL`), `ErrorCode` and `ErrorDesc`. What is wrong with a request (a wrong
signature and a file too large included) is HTTP 200 with `FAIL`: the same request will fail again. What passes by
itself is HTTP 429 or 5xx with the same JSON and `Retry-After`: send again later. Only `downloadEdoc` tells a failure by
its HTTP status, because its HTTP 200 is the file.

## Mã lỗi / Error codes

`ErrorDesc` luôn bằng tiếng Việt: điều sai, vị trí, cách xử lý, và trong ngoặc vuông là mã của cổng
([bảng mã](errors.md)) cùng số yêu cầu để tra nhật ký. Mã 10–23 theo bảng của các trục vùng; từ 101 là của cổng. `100`
là lỗi nội bộ của SDK, cổng không dùng.

`ErrorDesc` is always Vietnamese: what is wrong, where, the remedy, and in square brackets the gateway's code
([table](errors.md)) with the request id for the log. Codes 10–23 are those of the regional axes; from 101 they are the
gateway's. `100` is the SDK's own local failure and is never sent.

| ErrorCode | nghĩa / meaning | mã của cổng / gateway codes |
|---|---|---|
| `0` | Thành công<br>Success | |
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(map(_row, TABLE))


def _row(meaning: Meaning) -> str:
    ours = [f"`{code}`" for code in FAULTS if error_code(code) == meaning.code and is_named(code)]
    if meaning.code == SYSTEM_FAULT:
        ours.append("mọi mã khác / any other")
    return f"| `{meaning.code}` | {meaning.vi}<br>{meaning.en} | {', '.join(ours)} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
