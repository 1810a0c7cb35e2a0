from __future__ import annotations

import asyncio
import threading

import pytest

from server.media.mailbox import Mailbox, MailboxClosedError


async def test_the_newest_item_wins_and_the_others_are_counted() -> None:
    mailbox: Mailbox[int] = Mailbox()
    for item in (1, 2, 3):
        mailbox.put(item)
    assert await mailbox.get() == 3
    assert mailbox.drops == 2


async def test_an_item_taken_in_time_is_no_drop() -> None:
    mailbox: Mailbox[int] = Mailbox()
    for item in (1, 2, 3):
        mailbox.put(item)
        assert await mailbox.get() == item
    assert mailbox.drops == 0


async def test_an_item_from_another_thread_wakes_the_reader() -> None:
    mailbox: Mailbox[str] = Mailbox()
    reader = asyncio.create_task(mailbox.get())
    await asyncio.sleep(0)
    thread = threading.Thread(target=mailbox.put, args=("from afar",))
    thread.start()
    assert await asyncio.wait_for(reader, 5) == "from afar"
    thread.join()


async def test_a_discarded_item_is_not_delivered_but_counted() -> None:
    mailbox: Mailbox[int] = Mailbox()
    mailbox.put(1)
    mailbox.discard()
    mailbox.put(2)
    assert await mailbox.get() == 2
    assert mailbox.drops == 1


async def test_closing_ends_a_waiting_reader_and_every_later_one() -> None:
    mailbox: Mailbox[int] = Mailbox()
    reader = asyncio.create_task(mailbox.get())
    await asyncio.sleep(0)
    mailbox.close()
    with pytest.raises(MailboxClosedError):
        await asyncio.wait_for(reader, 5)
    mailbox.put(1)
    with pytest.raises(MailboxClosedError):
        await mailbox.get()


async def test_a_cancelled_reader_loses_nothing() -> None:
    mailbox: Mailbox[int] = Mailbox()
    reader = asyncio.create_task(mailbox.get())
    await asyncio.sleep(0)
    reader.cancel()
    mailbox.put(7)
    assert await mailbox.get() == 7
