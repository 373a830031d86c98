-- Take the relay's lease, or prolong one's own, and say how far the stream was relayed.
--
-- KEYS[3] lease, KEYS[4] hash of positions: 'relayed' is the last step acknowledged
-- ARGV[5] owner, ARGV[6] how long the lease holds (ms)
-- Result  {0} when another holds it | {1, last step relayed or ''}

local owner = redis.call('GET', KEYS[3])
if owner and owner ~= ARGV[5] then return {0} end
redis.call('SET', KEYS[3], ARGV[5], 'PX', ARGV[6])
return {1, redis.call('HGET', KEYS[4], 'relayed') or ''}
