-- The person has just got a message: the next one waits for so long, or for as long as it must already.
local message, seconds = ARGV[1], tonumber(ARGV[2])
if redis.call('PTTL', KEYS[1]) < seconds * 1000 then
  redis.call('SET', KEYS[1], message, 'EX', seconds)
end
