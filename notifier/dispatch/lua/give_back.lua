-- A grant that was not used up. `day`: it comes late, of a grant of that day in China; else at once.
local count, probe, day = tonumber(ARGV[1]), ARGV[2] == '1', ARGV[3]
if probe then
  redis.call('HDEL', KEYS[1], 'probe_at')
elseif redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HINCRBYFLOAT', KEYS[1], 'tokens', count)
  if day == '' then redis.call('HINCRBY', KEYS[1], 'granted', -count) end
  if day == '' or redis.call('HGET', KEYS[1], 'day') == day then
    -- WeChat's own count, taken over meanwhile, may be lower.
    if redis.call('HINCRBY', KEYS[1], 'used', -count) < 0 then redis.call('HSET', KEYS[1], 'used', 0) end
  end
end
