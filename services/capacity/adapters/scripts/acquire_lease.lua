-- Acquire or renew the relay's lease, and read the last step that Kafka has acknowledged.
--
-- KEYS[3] lease: "owner until" (ms by Redis' clock), KEYS[4] hash of checkpoints: 'relayed' is the last step acknowledged
-- ARGV[5] owner, ARGV[6] duration of the lease (ms)
-- Result  {0} while another owner holds it | {1, last step acknowledged or ''}

local owner, ends = lease_of(KEYS[3])
if owner and owner ~= ARGV[5] and ends > server_ms() then return {0} end
set_lease(KEYS[3], ARGV[5], ARGV[6])
return {1, redis.call('HGET', KEYS[4], 'relayed') or ''}
