-- Remember what Kafka acknowledged, unless the lease has gone to another relay.
--
-- KEYS[3] lease, KEYS[4] hash of positions: 'relayed', and by partition "offset event" of the last acknowledged
-- ARGV[5] owner, ARGV[6] last step relayed, ARGV[7...] pairs of a partition and its "offset event";
--         no step and no pair forgets everything
-- Result  {1} when it was remembered | {0}

if redis.call('GET', KEYS[3]) ~= ARGV[5] then return {0} end
if ARGV[6] == '' then
  redis.call('DEL', KEYS[4])
else
  redis.call('HSET', KEYS[4], 'relayed', unpack(ARGV, 6))
end
return {1}
