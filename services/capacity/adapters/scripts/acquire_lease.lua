-- Acquire or renew the relay's lease, and read the last step that Kafka has acknowledged.
--
-- KEYS[3] lease: "owner until" (ms by Redis' clock), KEYS[4] hash of checkpoints: 'relayed' is the last step acknowledged
-- ARGV[5] owner, ARGV[6] duration of the lease (ms)
-- Result  {0} while another owner holds it | {1, last step acknowledged or ''}

local time = redis.call('TIME')
local ms = time[1] * 1000 + math.floor(time[2] / 1000)
local owner, ends = lease_of(KEYS[3])
if owner and owner ~= ARGV[5] and ends > ms then return {0} end
redis.call('SET', KEYS[3], ARGV[5] .. ' ' .. string.format('%.0f', ms + ARGV[6]))
return {1, redis.call('HGET', KEYS[4], 'relayed') or ''}
