-- Acquire or renew the relay's lease, and read the last step that Kafka has acknowledged.
--
-- KEYS[3] lease, KEYS[4] hash of checkpoints: 'relayed' is the last step acknowledged
-- ARGV[5] owner, ARGV[6] duration of the lease (ms)
-- Result  {0} when another owner holds it | {1, last step acknowledged or ''}

local owner = redis.call('GET', KEYS[3])
if owner and owner ~= ARGV[5] then return {0} end
redis.call('SET', KEYS[3], ARGV[5], 'PX', ARGV[6])
return {1, redis.call('HGET', KEYS[4], 'relayed') or ''}
