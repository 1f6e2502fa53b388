-- A grant that was not used up.
local count = tonumber(ARGV[1])
if ARGV[2] == '1' then
  redis.call('HDEL', KEYS[1], 'probe_at')
elseif redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HINCRBYFLOAT', KEYS[1], 'tokens', count)
  redis.call('HINCRBY', KEYS[1], 'granted', -count)
  redis.call('HINCRBY', KEYS[1], 'used', -count)
end
