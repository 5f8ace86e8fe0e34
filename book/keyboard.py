"""Whether a page of the built book can be used by keyboard alone: the check's part that presses keys."""

from playwright.sync_api import Locator, Page

NARROW = 1008  # pixels, up to which the navigation is in a drawer
MOST = 600  # presses of the Tab key on a page
PATIENCE = 60  # seconds for a page's live parts, on a slow machine
DRAWERS = {".nav-overlay-icon": ".sidebar-drawer", ".toc-overlay-icon": ".toc-drawer"}  # what opens them
AT_ONCE = "*, ::before, ::after { scroll-behavior: auto !important; transition: none !important }"
FOCUSED = """() => {
    const one = document.activeElement;
    if (one === document.body) return null;
    const isSeen = (el) => {
        const { left, right, top, bottom } = el.getBoundingClientRect();
        return right > 0 && left < innerWidth && bottom > 0 && top < innerHeight && right > left && bottom > top;
    };
    const said = one.ariaLabel ?? one.textContent.trim().slice(0, 30);
    const shows = [one, ...(one.labels ?? [])]; // of some fields it is the label that shows the focus
    return [`${one.tagName.toLowerCase()} ${one.className} ${said}`, shows.some(isSeen)];
}"""
ON_THE_PAGE = """(drawer) => {
    const { left, right } = drawer.getBoundingClientRect();
    return left >= -1 && right <= innerWidth + 1;
}"""


def bring_to_life(page: Page) -> None:
    """Open all that is folded, bring each live part into view, and wait until it lives or says that it does not."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    for part in page.locator(".ck-live:visible").all():
        part.scroll_into_view_if_needed()
    page.wait_for_function(
        "[...document.querySelectorAll('.ck-live')].every((one) => one.dataset.live)", timeout=PATIENCE * 1000
    )


def keyboard_faults(page: Page, address: str, width: int) -> list[str]:
    """Go through a page by keys and return a line for each fault.

    What gets the focus must be seen, the theme's drawers must open and close, and no arrow key may leave the page.
    """
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(address)
    page.add_style_tag(content=AT_ONCE)
    bring_to_life(page)
    faults = []
    for _ in range(MOST):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused is None:
            break
        name, is_seen = focused
        if not is_seen:
            faults.append(f"the focus goes to {name}, which is not seen")
    else:
        faults.append(f"{MOST} presses of Tab do not lead out of it")
    if width <= NARROW and not any(one.is_visible() for switch in DRAWERS for one in page.locator(switch).all()):
        faults.append("there is nothing that opens a drawer")
    for switch, drawer in DRAWERS.items():
        for one in page.locator(switch).all():
            if one.is_visible() and page.locator(drawer).count():
                faults += _drawer_faults(page, one, switch, drawer)
                break
    page.evaluate("document.activeElement.blur()")
    for key in ("ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
        page.wait_for_timeout(200)
        if page.url.partition("#")[0] != address:
            faults.append(f"{key} leads away, to {page.url}")
            page.goto(address)
    return faults


def _drawer_faults(page: Page, one: Locator, switch: str, drawer: str) -> list[str]:
    seen = []
    for _ in range(2):
        one.focus()
        if not page.evaluate("(wanted) => document.activeElement.matches(wanted)", switch):
            return [f"{switch} cannot be reached"]
        page.keyboard.press("Enter")
        seen.append(page.locator(drawer).evaluate(ON_THE_PAGE))
    return [] if seen == [True, False] else [f"{switch} opens and closes nothing"]
