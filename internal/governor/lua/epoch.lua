-- KEYS: epoch rebuild
-- ARGV: epoch word; the word is what was noted when no epoch was found, or empty
-- Returns whether there is an epoch now.
if ARGV[2] ~= '' then
  if redis.call('EXISTS', KEYS[1]) == 1 then return 1 end
  if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2])
return 1
