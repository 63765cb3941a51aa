-- Returns the clock.
return string.format('%.0f', clock())
