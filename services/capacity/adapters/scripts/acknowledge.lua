-- Record what Kafka has acknowledged, unless another relay has acquired the lease meanwhile. One that has run out and
-- that nobody else has acquired is still the owner's: who waits for a slow Kafka must be able to go on.
--
-- KEYS[3] lease, KEYS[4] hash of checkpoints: 'relayed', and by topic and partition "offset event" of the last one
-- ARGV[5] owner, ARGV[6] last step acknowledged, ARGV[7...] pairs of "topic partition" and "offset event";
--         an empty step deletes all checkpoints
-- Result  {1} when recorded | {0}

if lease_of(KEYS[3]) ~= ARGV[5] then return {0} end
if ARGV[6] == '' then
  redis.call('DEL', KEYS[4])
else
  redis.call('HSET', KEYS[4], 'relayed', unpack(ARGV, 6))
end
return {1}
