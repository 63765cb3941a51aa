-- KEYS: line due
-- ARGV: id
leave(KEYS[2], ARGV[1], KEYS[1])
return 0
